import { afterAll, describe, expect, test } from 'vitest';
import { POISON, VALID } from '../../../test-support/fragments.js';
import { feedOurs, judge, NodeOracle, REPEATS_MAX } from '../../../test-support/http1-oracle.js';
import { Random } from '../../runtime/memory/index.js';

/** Set ORACLE_SEED to repeat a failure, ORACLE_CASES to search longer. */
const SEED = Number(process.env.ORACLE_SEED ?? 20_261_121);
const CASES = Number(process.env.ORACLE_CASES ?? 10_000);
const BATCH = 250;
/** Turns of the event loop a batch gets; the longest case has a handful of messages. */
const TURNS = 16;

function caseOf(random: Random): { text: string; mutations: number } {
  let text = '';
  const count = 1 + random.below(4);
  for (let i = 0; i < count; i++) text += VALID[random.below(VALID.length)];
  const mutations = random.oneIn(10) ? 0 : 1 + random.below(random.oneIn(3) ? 6 : 2);
  for (let i = 0; i < mutations; i++) text = mutated(text, random);
  return { text, mutations };
}

function mutated(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const poison = POISON[random.below(POISON.length)] ?? '';
  switch (random.below(8)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + random.below(3));
    case 2:
      return text.slice(0, at) + poison + text.slice(at);
    case 3:
      return text.slice(0, at) + poison + text.slice(at + poison.length);
    case 4: {
      // Insert at the start of a line: where a field would be.
      const line = text.indexOf('\r\n', at) + 2;
      return text.slice(0, line) + poison + text.slice(line);
    }
    case 5: {
      // Repeat a line.
      const from = text.lastIndexOf('\r\n', at) + 2;
      const to = text.indexOf('\r\n', from) + 2;
      return to < from + 2 ? text : text.slice(0, to) + text.slice(from, to) + text.slice(to);
    }
    case 6: {
      // Replace a value.
      const colon = text.indexOf(': ', at);
      const end = text.indexOf('\r\n', colon);
      return colon < 0 || end < 0
        ? text
        : text.slice(0, colon + 2) + poison.trim() + text.slice(end);
    }
    default:
      return text.slice(0, at);
  }
}

const oracle = new NodeOracle();
afterAll(() => oracle.close());

function splitsOf(seed: number): 1 | 'none' | 'random' {
  const random = new Random(seed);
  return random.oneIn(2) ? 'none' : random.oneIn(4) ? 1 : 'random';
}

interface Case {
  readonly text: string;
  readonly mutations: number;
  readonly number: number;
  /** How many leniencies were taken out of it. */
  readonly repeats: number;
}

/** What both make of each. */
async function ask(cases: readonly Case[]) {
  const asked = cases.map((one) => ({
    ...one,
    node: oracle.feed(one.text),
    ours: feedOurs(one.text, splitsOf(SEED + one.number), SEED + one.number),
  }));
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { ours } of asked) ours.peer.run();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return asked;
}

describe('Http1Connection against llhttp', () => {
  test(`sees the same messages as node:http, or refuses, in ${CASES} mutated connections`, async () => {
    const random = new Random(SEED);
    let agreed = 0;
    let stricter = 0;
    let untouched = 0;
    let repeated = 0;
    for (let done = 0; done < CASES; done += BATCH) {
      let cases: Case[] = Array.from({ length: BATCH }, (_, i) => ({
        ...caseOf(random),
        number: done + i,
        repeats: 0,
      }));
      while (cases.length > 0) {
        const again: Case[] = [];
        for (const { node, ours, ...one } of await ask(cases)) {
          const { text, mutations, number, repeats } = one;
          const explain = (why: string): string =>
            `${why}: ORACLE_SEED=${SEED}, case ${number}, without ${repeats} leniencies\n${JSON.stringify(text)}\nours ${JSON.stringify(ours.verdict)}\nanswers ${JSON.stringify(ours.peer.received)}\nnode ${JSON.stringify(node)}`;
          // No hang: FIN came, so every connection is over.
          expect(ours.peer.closed, explain('not closed')).not.toBe(null);
          const judgement = judge(text, ours.verdict, node, ours.peer.received);
          if (judgement !== null && 'again' in judgement) {
            expect(repeats, explain('asked too often')).toBeLessThan(REPEATS_MAX);
            again.push({ ...one, text: judgement.again, repeats: repeats + 1 });
            repeated++;
            continue;
          }
          expect(judgement, explain(judgement?.why ?? '')).toBe(null);
          const mine = ours.verdict.messages.filter((message) => message.whole).length;
          const theirs = node.messages.filter((message) => message.whole).length;
          if (mine === theirs) agreed++;
          else stricter++;
          if (mutations === 0) {
            untouched++;
            expect(mine, explain('a valid connection differs')).toBe(theirs);
          }
        }
        cases = again;
      }
    }
    console.log(
      `oracle: seed ${SEED}, ${agreed} agreed, ${stricter} stricter, ${repeated} asked again, ${untouched} untouched`,
    );
    expect(agreed).toBeGreaterThan(CASES / 2);
    expect(untouched).toBeGreaterThan(0);
  }, 120_000);
});
