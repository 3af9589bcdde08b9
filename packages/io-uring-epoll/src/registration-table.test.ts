import { RawFd } from '@ringbearer/io-uring-fd';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EpollEvents } from './epoll-events.js';
import type { Entry } from './registration.js';
import { RegistrationTable } from './registration-table.js';

const reserve = (table: RegistrationTable<number>, number: number) =>
  table.reserve(new RawFd(number), number, EpollEvents.NONE);

test('no id is ever used twice, and one that ended finds nobody: any churn, any capacity', () => {
  const step = fc.record({ add: fc.boolean(), at: fc.nat(7) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 8 }),
      (steps, max) => {
        const table = new RegistrationTable<number>(max);
        const live: Entry<number>[] = [];
        const ids = new Set<number>();
        for (const { add, at } of steps) {
          if (add && live.length === max) {
            expect(() => table.demandRoom(1)).toThrow(/registrations are in use/);
          } else if (add) {
            table.demandRoom(1);
            const entry = reserve(table, at);
            expect(ids.has(entry.id)).toBe(false);
            expect(Number.isSafeInteger(entry.id)).toBe(true);
            ids.add(entry.id);
            live.push(entry);
          } else if (live.length > 0) {
            const [gone] = live.splice(at % live.length, 1);
            table.end(gone!, 0);
            table.end(gone!, 0);
            expect(gone!.active).toBe(false);
          }
          const found = [...ids].filter((id) => table.find(id) !== undefined).sort();
          expect(found).toEqual(live.map(({ id }) => id).sort());
          expect(table.used).toBe(live.length);
        }
        table.clear(0);
        expect(table.used).toBe(0);
      },
    ),
  );
});

test('a number that the kernel took again ends who had it, once', () => {
  const table = new RegistrationTable<number>(4);
  const [first, second] = [reserve(table, 7), reserve(table, 7)];
  table.added(first, 0);
  expect(table.newest(first)).toBe(second);
  table.added(second, 0);
  expect([first.active, second.active, table.used]).toEqual([false, true, 1]);
  table.end(first, 0);
  expect([table.used, table.find(second.id)]).toEqual([1, second]);
});

test('a late event is no orphan, one of a wait that began later is', () => {
  const table = new RegistrationTable<number>(4);
  const entry = reserve(table, 7);
  table.end(entry, 5); // five waits had begun
  expect([5, 6].map((wait) => table.isOrphan(entry.id, wait))).toEqual([false, true]);
  expect(table.isOrphan(3, 1)).toBe(true);
});
