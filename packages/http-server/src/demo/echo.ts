import type { HttpReply, HttpRequest } from '../exchange/index.js';

/**
 * Streams the body back while it arrives. Neither side runs ahead: the next piece is asked for when the peer took the last one.
 *
 * The type is never what the client claims: an echo of `text/html` would run anybody's scripts in our origin.
 */
export async function echo(request: HttpRequest, reply: HttpReply): Promise<void> {
  const { body } = request;
  reply.header('Content-Type', 'application/octet-stream');
  reply.header('X-Content-Type-Options', 'nosniff');
  const length = request.header('content-length');
  if (length !== undefined) reply.header('Content-Length', length);
  for await (const piece of body) {
    if (reply.finished) return; // the peer left
    if (!reply.write(piece)) await reply.drained();
  }
  reply.end();
}
