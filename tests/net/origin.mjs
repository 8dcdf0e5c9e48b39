// Node's server, as one of those that the vectors are compared with: it reads each body, and answers with what it understood.
import { createServer } from "node:http";

const server = createServer(async (request, response) => {
  let length = 0;
  try {
    for await (const piece of request) length += piece.length;
  } catch {
    response.writeHead(400, { connection: "close" }).end();
    return;
  }
  response.end(`${request.method} ${request.url} ${length}\n`);
});
server.listen(Number(process.argv[2]), "127.0.0.1");
