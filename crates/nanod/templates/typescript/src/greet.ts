/** A greeting for somebody, or for everybody. */
export function greet(greeting: string, name: string | null): string {
  return `${greeting}, ${name ?? "world"}\n`;
}
