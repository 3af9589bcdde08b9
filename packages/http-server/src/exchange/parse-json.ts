import { HttpServerError } from './errors.js';

/** What the text of a body says. @throws HttpServerError `BODY_NOT_JSON` (400) */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HttpServerError('BODY_NOT_JSON', 'The request body is not JSON', 400, { cause });
  }
}
