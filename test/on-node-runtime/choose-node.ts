import { serve } from '@ringbearer/http-server';

/**
 * What is imported after this, and every process and thread it starts, serves by node:net: RINGBEARER_RUNTIME is how an operator says so.
 * So a suite runs once more without knowing of it.
 */
process.env.RINGBEARER_RUNTIME = 'node';

/** What a server runs on that is not told. */
export async function runtimeHere(): Promise<string> {
  const server = await serve({ hostname: '127.0.0.1', port: 0, raw: (_, reply) => reply.text('') });
  const { runtime } = server;
  await server.close();
  return runtime;
}
