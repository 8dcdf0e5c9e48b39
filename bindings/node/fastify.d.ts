import type { App, HandlerOptions } from './index.js';

/** A plugin for Fastify: `await server.register(nanoFastify, { app: shop, prefix: '/shop' })`. */
export function nanoFastify(server: any, options: { app: App; prefix?: string } & HandlerOptions): Promise<void>;
