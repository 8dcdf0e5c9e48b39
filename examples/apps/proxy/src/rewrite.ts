const BANNER = '<div id="banner">You see this site through a proxy.</div>';
const LINKS = [
  ["a", "href"],
  ["link", "href"],
  ["img", "src"],
  ["form", "action"],
] as const;

/** What is done to each page: `here` makes links ours, `include` fetches what a page wants put into it. */
export function rewriter(here: (url: string) => string, include: (path: string) => Promise<Response>): HTMLRewriter {
  const pages = new HTMLRewriter();
  for (const [tag, attribute] of LINKS) {
    pages.on(`${tag}[${attribute}]`, {
      element(element) {
        element.setAttribute(attribute, here(element.getAttribute(attribute)!));
      },
    });
  }
  return pages
    .on('script[src*="tracker"]', {
      element(element) {
        element.remove();
      },
    })
    .on("title", {
      element(element) {
        element.append(" | proxied");
      },
    })
    .on("body", {
      element(element) {
        element.prepend(BANNER, { html: true });
      },
    })
    .on("x-include[src]", {
      // The page waits here for the fragment, which streams into it.
      async element(element) {
        const fragment = await include(element.getAttribute("src")!);
        if (fragment.ok) element.replace(fragment, { html: true });
        else element.remove();
      },
    })
    .onDocument({
      end(end) {
        end.append("<!-- proxied -->", { html: true });
      },
    });
}
