// Connections: https://websockets.spec.whatwg.org/, https://html.spec.whatwg.org/#server-sent-events.

declare class WebSocket extends EventTarget {
  constructor(url: string | URL, protocols?: string | string[]);
  readonly url: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  binaryType: "blob" | "arraybuffer";
  onclose: ((event: CloseEvent) => unknown) | null;
  /** An ErrorEvent, which says why. */
  onerror: ((event: ErrorEvent) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onopen: ((event: Event) => unknown) | null;
  close(code?: number, reason?: string): void;
  send(data: string | BufferSource | Blob): void;
  /** Of Workers, for one end of a WebSocketPair and for what fetch() gives. */
  accept(): void;
  deserializeAttachment(): any;
  serializeAttachment(attachment: unknown): void;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly READY_STATE_CONNECTING: 0;
  readonly READY_STATE_OPEN: 1;
  readonly READY_STATE_CLOSING: 2;
  readonly READY_STATE_CLOSED: 3;
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
  static readonly READY_STATE_CONNECTING: 0;
  static readonly READY_STATE_OPEN: 1;
  static readonly READY_STATE_CLOSING: 2;
  static readonly READY_STATE_CLOSED: 3;
}

/** Of Workers: two ends that talk to one another. */
declare class WebSocketPair {
  constructor();
  [Symbol.iterator](): IterableIterator<WebSocket>;
}
interface WebSocketPair {
  0: WebSocket;
  1: WebSocket;
}

declare class EventSource extends EventTarget {
  constructor(url: string | URL, init?: { withCredentials?: boolean });
  /** Of Workers: the events of a stream of bytes. */
  static from(stream: ReadableStream): EventSource;
  readonly url: string;
  readonly readyState: number;
  readonly withCredentials: boolean;
  onerror: ((event: Event) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onopen: ((event: Event) => unknown) | null;
  close(): void;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSED: 2;
}
