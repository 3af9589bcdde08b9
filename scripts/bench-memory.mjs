// `npm run bench:memory -- [connections] [server,server]`: resident memory for each idle keep-alive connection, of every server there is.
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../bench/src/end-with-us.mjs';
import { idleBytes } from '../bench/src/idle-memory.mjs';
import { allowedCores, checkTools, chooseCores } from '../bench/src/machine.mjs';
import { choosePeers } from '../bench/src/peers.mjs';
import { killServers, ServerProcess } from '../bench/src/server-process.mjs';
import { ensureBuild } from './prepare/build.mjs';

const ROUNDS = 3;
const connections = Number(process.argv[2] ?? 10_000);
const only = process.argv[3]?.split(',');

process.env.BENCH_IDLE = '1'; // for the servers
endWithUs(killServers);
await ensureBuild(fileURLToPath(new URL('..', import.meta.url)));
checkTools();
const pin = chooseCores(undefined, allowedCores());
console.log(
  `Resident bytes for each of ${connections} idle connections, median of ${ROUNDS} fresh servers (min-max)`,
);
for (const peer of choosePeers(only, [])) {
  const launch = peer.launch();
  if ('missing' in launch) {
    console.log(`${peer.name.padEnd(18)} ${launch.missing}`);
    continue;
  }
  const samples = [];
  for (let round = 0; round < ROUNDS; round++) {
    const server = await ServerProcess.start(launch.command, pin.server);
    try {
      samples.push(Math.round(await idleBytes(server, connections, pin.client)));
    } catch (error) {
      console.log(`${peer.name.padEnd(18)} ${error.message}`);
      break;
    } finally {
      await server.stop();
    }
  }
  if (samples.length < ROUNDS) continue;
  samples.sort((a, b) => a - b);
  console.log(
    `${peer.name.padEnd(18)} ${samples[ROUNDS >> 1]} (${samples[0]}-${samples[ROUNDS - 1]})`,
  );
}
