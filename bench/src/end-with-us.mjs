/** Exit codes a shell gives a process that a signal ended. */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * No way out of a bench leaves behind what it started.
 *
 * @param {() => void} cleanUp called on any of them, perhaps twice
 */
export function endWithUs(cleanUp) {
  process.once('exit', cleanUp);
  for (const [signal, code] of Object.entries(SIGNAL_CODES)) {
    process.once(signal, () => {
      cleanUp();
      process.exit(code);
    });
  }
}
