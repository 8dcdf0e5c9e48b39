import type { Book } from "./books";

export const Page = ({ title, books }: { title: string; books: readonly Book[] }) => (
  <html lang="en">
    <head>
      <title>{title}</title>
    </head>
    <body>
      <h1>{title}</h1>
      <ul>
        {books.map((book) => (
          <li>
            <a href={`/books/${book.id}`}>{book.title}</a>
          </li>
        ))}
      </ul>
    </body>
  </html>
);
