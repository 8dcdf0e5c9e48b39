export interface Note {
  readonly id: number;
  readonly text: string;
}

/** Notes of this instance: they go when it goes. */
export class Notes {
  readonly #notes: Note[] = [];

  constructor(private readonly max: number = 100) {}

  add(text: string): Note {
    const note: Note = { id: this.#notes.length + 1, text };
    if (this.#notes.length >= this.max) this.fail("too many notes");
    this.#notes.push(note);
    return note;
  }

  list(): readonly Note[] {
    return this.#notes;
  }

  find(id: number): Note | undefined {
    return this.#notes.find((note) => note.id === id);
  }

  fail(why: string): never {
    throw new Error(`notes: ${why}`);
  }
}
