/** A sample of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*")*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)|NaN|[+-]Inf)$/;

/**
 * Reads the text formats of Prometheus by their grammar, strictly: HELP and TYPE once per family and before its samples, samples of a family together, no
 * sample twice, counters with `_total`; OpenMetrics ends with EOF.
 */
export function parseExposition(text: string, open: boolean): Sample[] {
  if (!text.endsWith('\n')) throw new Error('The last line must end');
  const lines = text.slice(0, -1).split('\n');
  if (open && lines.pop() !== '# EOF') throw new Error('OpenMetrics must end with # EOF');
  const seen = new Set<string>();
  const done = new Set<string>();
  const samples: Sample[] = [];
  let family = '';
  let helped = '';
  let type = '';
  for (const line of lines) {
    const meta = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (meta !== null) {
      const [, kind, name, rest] = meta as unknown as [string, string, string, string];
      if (!NAME.test(name)) throw new Error(`No name: ${line}`);
      if (kind === 'HELP') {
        if (done.has(name)) throw new Error(`Twice: ${line}`);
        done.add(name);
        helped = name;
      } else {
        if (helped !== name) throw new Error(`TYPE without HELP: ${line}`);
        if (!['counter', 'gauge'].includes(rest)) throw new Error(`No type: ${line}`);
        if (open && name.endsWith('_total')) throw new Error(`Family with suffix: ${line}`);
        family = name;
        type = rest;
      }
      continue;
    }
    const found = SAMPLE.exec(line);
    if (found === null) throw new Error(`No sample: ${JSON.stringify(line)}`);
    const [, name, labels = '', value] = found as unknown as [string, string, string, string];
    const expected = open && type === 'counter' ? `${family}_total` : family;
    if (name !== expected) throw new Error(`${name} is not of ${family}`);
    if (type === 'counter' && !name.endsWith('_total')) throw new Error(`Not a total: ${name}`);
    if (seen.has(`${name}{${labels}}`)) throw new Error(`Sample twice: ${line}`);
    seen.add(`${name}{${labels}}`);
    const pairs = [...labels.matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)];
    samples.push({
      name,
      labels: Object.fromEntries(pairs.map(([, key, text]) => [key!, text!])),
      value: Number(value),
    });
  }
  return samples;
}
