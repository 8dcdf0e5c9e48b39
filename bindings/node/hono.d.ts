import type { App, AppResponse } from './index.js';

/** A handler for Hono, on any of its servers: `server.all('/shop/*', toHonoHandler(shop))`. */
export function toHonoHandler(app: App): (context: { req: { raw: Request } }) => Promise<AppResponse>;
