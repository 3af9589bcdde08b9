// Standard objects: the same function runs wherever fetch handlers do.
// Run it, then: curl -d '{"name":"Sam"}' http://127.0.0.1:3000/

import { serve } from '@ringbearer/http-server';

async function handle(request) {
  if (request.method !== 'POST') return new Response('Hello, World!');
  try {
    const { name } = await request.json();
    return Response.json({ greeting: `Hello, ${name}!` }, { status: 201 });
  } catch {
    return new Response('That is not JSON', { status: 400 });
  }
}

const server = await serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 3000),
  fetch: handle,
});
console.log(`Serving ${server.url}`);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close());
