// The app, loaded by each worker. Change it while the server runs, then reload: kill -HUP, with the number main.mjs prints.

import { threadId } from 'node:worker_threads';

export default {
  raw: (_request, reply) => reply.text(`Hello from thread ${threadId}\n`),
};
