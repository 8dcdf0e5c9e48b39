import { Hono } from "hono";
import { validator } from "hono/validator";

export interface Book {
  readonly id: number;
  readonly title: string;
}

const BOOKS_MAX = 100;

/** Books of this instance: they go when it goes. */
const shelf: Book[] = [
  { id: 1, title: "Middlemarch" },
  { id: 2, title: "Walden <1854>" },
];

const title = validator("json", (value, c) => {
  const { title } = value as { title?: unknown };
  if (typeof title !== "string" || title.trim() === "") return c.json({ error: "title: a text is missing" }, 400);
  return { title: title.trim() };
});

const routes = new Hono()
  .get("/", (c) => c.json(shelf.slice(0, Number(c.req.query("limit") ?? BOOKS_MAX))))
  .post("/", title, (c) => {
    if (shelf.length >= BOOKS_MAX) return c.json({ error: "the shelf is full" }, 507);
    const book = { id: shelf.length + 1, ...c.req.valid("json") };
    shelf.push(book);
    return c.json(book, 201, { location: `/books/${book.id}` });
  })
  .get("/:id{[0-9]+}", (c) => {
    const book = shelf.find(({ id }) => id === Number(c.req.param("id")));
    return book ? c.json(book) : c.json({ error: "no such book" }, 404);
  });

export const books = { routes, all: (): readonly Book[] => shelf };
