// Of Workers: the cache and HTMLRewriter.

interface CacheQueryOptions {
  /** Treat the request as if its method were GET. */
  ignoreMethod?: boolean;
  /** The part of URLs behind the question mark makes no difference. */
  ignoreSearch?: boolean;
  /** What responses vary by makes no difference, as in the default cache. */
  ignoreVary?: boolean;
}

interface MultiCacheQueryOptions extends CacheQueryOptions {
  /** Look into this cache only. */
  cacheName?: string;
}

/** Keys are URLs without their fragment, and in named caches what the response varies by. What says so expires as its Cache-Control and Expires say. */
declare class Cache {
  private constructor();
  add(request: RequestInfo): Promise<void>;
  /** Fetches and keeps all of them, or none. */
  addAll(requests: Iterable<RequestInfo>): Promise<void>;
  delete(request: RequestInfo, options?: CacheQueryOptions): Promise<boolean>;
  keys(request?: RequestInfo, options?: CacheQueryOptions): Promise<Request[]>;
  match(request: RequestInfo, options?: CacheQueryOptions): Promise<Response | undefined>;
  matchAll(request?: RequestInfo, options?: CacheQueryOptions): Promise<Response[]>;
  put(request: RequestInfo, response: Response): Promise<void>;
}

declare class CacheStorage {
  private constructor();
  /** Workers' cache: HTTP's rules decide what it keeps, and how long. */
  readonly default: Cache;
  delete(cacheName: string): Promise<boolean>;
  has(cacheName: string): Promise<boolean>;
  keys(): Promise<string[]>;
  match(request: RequestInfo, options?: MultiCacheQueryOptions): Promise<Response | undefined>;
  open(cacheName: string): Promise<Cache>;
}

/** What handlers insert. It is text, and escaped, unless the options say { html: true }. */
type HTMLRewriterContent = string | ReadableStream | Response;
interface HTMLRewriterContentOptions {
  html?: boolean;
}
/** A handler that returns a promise is waited for. */
interface HTMLRewriterElementHandlers {
  element?(element: Element): unknown;
  comments?(comment: Comment): unknown;
  text?(text: Text): unknown;
}
interface HTMLRewriterDocumentHandlers {
  doctype?(doctype: Doctype): unknown;
  comments?(comment: Comment): unknown;
  text?(text: Text): unknown;
  end?(end: DocumentEnd): unknown;
}

/** Changes a document on its way: new HTMLRewriter().on("a[href]", { element(a) { ... } }).transform(response). */
declare class HTMLRewriter {
  constructor();
  on(selector: string, handlers: HTMLRewriterElementHandlers): HTMLRewriter;
  onDocument(handlers: HTMLRewriterDocumentHandlers): HTMLRewriter;
  transform(response: Response): Response;
}

// What handlers get. These are no globals, and each is valid only until its handler is done.

interface Element {
  tagName: string;
  readonly attributes: IterableIterator<[name: string, value: string]>;
  readonly removed: boolean;
  readonly namespaceURI: string;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  setAttribute(name: string, value: string): Element;
  removeAttribute(name: string): Element;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  replace(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  prepend(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  append(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  setInnerContent(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  remove(): Element;
  removeAndKeepContent(): Element;
  /** Throws if the element can have no end tag. */
  onEndTag(handler: (endTag: EndTag) => unknown): void;
}

/** A piece of a text: what stands between two tags may come in several. */
interface Text {
  readonly text: string;
  /** Whether this piece, which may be empty, ends the text. */
  readonly lastInTextNode: boolean;
  readonly removed: boolean;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Text;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Text;
  replace(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Text;
  remove(): Text;
}

interface Comment {
  text: string;
  readonly removed: boolean;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Comment;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Comment;
  replace(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Comment;
  remove(): Comment;
}

interface Doctype {
  readonly name: string | null;
  readonly publicId: string | null;
  readonly systemId: string | null;
}

interface EndTag {
  name: string;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): EndTag;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): EndTag;
  remove(): EndTag;
}

interface DocumentEnd {
  append(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): DocumentEnd;
}
