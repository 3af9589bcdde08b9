// A vitest reporter that ends a run with the tests that did not run, and why: `context.skip('reason')` gives the reason.

/** Groups tests by reason, so that forty tests without a kernel feature are one paragraph. */
export function formatSkipped(skipped) {
  const byReason = new Map();
  for (const { name, reason } of skipped) {
    const key = reason ?? "no reason given: use context.skip('reason')";
    byReason.set(key, [...(byReason.get(key) ?? []), name]);
  }
  const lines = [`Skipped ${skipped.length} test${skipped.length === 1 ? '' : 's'}:`];
  for (const [reason, names] of byReason) {
    lines.push(`  ${reason}`, ...names.map((name) => `    - ${name}`));
  }
  return lines.join('\n');
}

export default class SkippedReporter {
  #filtered = false;

  onInit(vitest) {
    this.#filtered = vitest.config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules) {
    const skipped = [];
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const { mode } = test.options;
        const reason = test.result().note ?? (mode === 'todo' ? 'to be written' : undefined);
        // With `-t pattern` every other test counts as skipped: only those with a reason are worth a line.
        if (this.#filtered && reason === undefined) continue;
        skipped.push({
          name: `${module.relativeModuleId ?? module.moduleId} > ${test.fullName}`,
          reason,
        });
      }
    }
    if (skipped.length > 0) process.stdout.write(`\n${formatSkipped(skipped)}\n`);
  }
}
