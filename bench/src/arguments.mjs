/**
 * What the command lines of the benches have in common: `--name value` and `--name=value`, checked.
 */

/** A mistake on the command line; its message is for the user. */
export class OptionError extends Error {
  name = 'OptionError';
}

/**
 * Reads arguments one by one.
 *
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, (argument: { value: () => string, flag: () => true }) => void>>} take by option name; takes
 *   either the option's value, or that it stands there
 * @throws {OptionError} on an unknown option, a value that is missing, or one too many
 */
export function readArguments(args, take) {
  for (let index = 0; index < args.length; index++) {
    const [name, inline] = splitOnce(args[index], '=');
    if (!Object.hasOwn(take, name))
      throw new OptionError(`unknown option ${name}; --help lists them`);
    take[name]({
      value: () => {
        const given = inline ?? args[++index];
        if (given === undefined || given === '') throw new OptionError(`${name} needs a value`);
        return given;
      },
      flag: () => {
        if (inline !== undefined) throw new OptionError(`${name} takes no value`);
        return true;
      },
    });
  }
}

/** @returns {[string, string | undefined]} */
export function splitOnce(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** @throws {OptionError} unless `text` is a whole number from 1 to `max` */
export function wholeNumber(name, text, max) {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > max) {
    throw new OptionError(
      `${name} must be a whole number from 1 to ${max}: current value is ${text}`,
    );
  }
  return number;
}

/** A list without repeats or blanks. @throws {OptionError} when nothing is in it */
export function names(option, text) {
  const list = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (list.length === 0) throw new OptionError(`${option} needs at least one name`);
  return [...new Set(list)];
}

/** The names given, in the order of `known`. @throws {OptionError} for one that is not there */
export function knownNames(option, text, known) {
  const list = names(option, text);
  for (const name of list) {
    if (!known.includes(name)) {
      throw new OptionError(`${option} must be ${known.join(' or ')}: current value is ${name}`);
    }
  }
  return known.filter((name) => list.includes(name));
}
