import type { IncomingMessage, ServerResponse } from 'node:http';
import type { App, HandlerOptions } from './index.js';

/** A handler for Express: `server.use('/shop', toExpressHandler(shop))`, before body parsers. */
export function toExpressHandler(app: App, options?: HandlerOptions): (request: IncomingMessage, response: ServerResponse) => void;
