// A Worker that is terminated while its handler waits, and while it changes registrations.

import { parentPort, workerData } from 'node:worker_threads';
import { UringBearer } from '@ringbearer/io-uring-bearer';
import { EpollEvents, EpollHandler } from '@ringbearer/io-uring-epoll';
import { RawFd } from '@ringbearer/io-uring-fd';

const bearer = UringBearer.withCapacity({ CoreQueue: 16 }, { driver: workerData.driver });
const epoll = EpollHandler.create(bearer, { waitBy: workerData.waitBy, eventsMax: 64 });
const registration = await epoll.add(new RawFd(workerData.fd), EpollEvents.of('IN'));
epoll.wait().catch(() => {});
bearer.flush();
parentPort.postMessage('waiting');
for (;;) await epoll.modify(registration);
