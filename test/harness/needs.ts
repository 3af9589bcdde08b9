import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'vitest';

/** Programs of other people that some tests drive, and the Debian package each is in. */
const TOOLS = {
  cc: 'gcc',
  chromium: 'chromium',
  curl: 'curl',
  ip: 'iproute2',
  prlimit: 'util-linux',
  strace: 'strace',
  wrk: 'wrk',
} as const;

export type Tool = keyof typeof TOOLS;

/** The path of a tool on PATH, or null. */
export function findTool(tool: Tool): string | null {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    if (folder === '') continue;
    const file = path.join(folder, tool);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return null;
}

/** The path of a tool; without it the test is skipped, saying what to install. */
export function needs(context: TestContext, tool: Tool): string {
  return (
    findTool(tool) ??
    context.skip(`${tool} is not installed: "apt-get install ${TOOLS[tool]}" lets this run`)
  );
}
