import type { HttpServerErrorCode } from '../../exchange/errors.js';

/**
 * What a peer can get wrong: the status we answer and the text that says why. Parsers return the negative index, so that finding a
 * fault allocates nothing; index 0 is not a fault (0 means "incomplete").
 */
const FAULTS = [
  [0, ''],
  [400, 'The request line must be: method SP target SP HTTP-version CRLF'],
  [400, 'The method must be a token'],
  [501, 'The method is longer than 32 bytes'],
  [400, 'The request target holds a byte that is not allowed in it'],
  [414, 'The request target is too long'],
  [400, 'The request target has the wrong form for this method'],
  [400, 'The HTTP version must be HTTP/ DIGIT . DIGIT'],
  [505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here'],
  [400, 'A line must end with CRLF: LF found without CR'],
  [400, 'A line must end with CRLF: CR found without LF'],
  [400, 'A field name must be a token followed by a colon'],
  [400, 'No whitespace is allowed between a field name and its colon'],
  [400, 'Folded field lines are not allowed'],
  [400, 'A field value holds a control character'],
  [431, 'There are too many field lines'],
  [431, 'The head is too large'],
  [400, 'HTTP/1.1 requires a Host field'],
  [400, 'There must be exactly one Host field'],
  [400, 'The host is not valid'],
  [400, 'There must be at most one Content-Length field'],
  [400, 'Content-Length must be decimal digits'],
  [400, 'Content-Length and Transfer-Encoding exclude each other'],
  [400, 'There must be at most one Transfer-Encoding field'],
  [400, 'The last transfer coding must be chunked, once'],
  [501, 'The only transfer coding known here is chunked'],
  [400, 'HTTP/1.0 has no Transfer-Encoding'],
  [413, 'The request body is too large'],
  [417, 'The only expectation known here is 100-continue'],
  [501, 'CONNECT and TRACE are not implemented'],
  [400, 'A chunk size must be hexadecimal digits'],
  [400, 'A chunk size is too large'],
  [400, 'A chunk extension is malformed'],
  [400, 'The chunk extensions are too long'],
  [400, 'Chunk data must be followed by CRLF'],
  [408, 'The head took too long'],
  [408, 'The body took too long'],
  [503, 'The reply took too long'],
  [400, 'The connection ended within a message'],
  [400, 'Too many empty lines before the request line'],
] as const satisfies readonly (readonly [status: number, text: string])[];

export const FAULT_REQUEST_LINE = -1;
export const FAULT_METHOD = -2;
export const FAULT_METHOD_LENGTH = -3;
export const FAULT_TARGET = -4;
export const FAULT_TARGET_LENGTH = -5;
export const FAULT_TARGET_FORM = -6;
export const FAULT_VERSION = -7;
export const FAULT_VERSION_UNKNOWN = -8;
export const FAULT_BARE_LF = -9;
export const FAULT_BARE_CR = -10;
export const FAULT_FIELD_NAME = -11;
export const FAULT_SPACE_BEFORE_COLON = -12;
export const FAULT_FOLD = -13;
export const FAULT_FIELD_VALUE = -14;
export const FAULT_FIELD_COUNT = -15;
export const FAULT_HEAD_LENGTH = -16;
export const FAULT_HOST_MISSING = -17;
export const FAULT_HOST_TWICE = -18;
export const FAULT_HOST = -19;
export const FAULT_LENGTH_TWICE = -20;
export const FAULT_LENGTH = -21;
export const FAULT_LENGTH_AND_CODING = -22;
export const FAULT_CODING_TWICE = -23;
export const FAULT_CODING = -24;
export const FAULT_CODING_UNKNOWN = -25;
export const FAULT_CODING_1_0 = -26;
export const FAULT_BODY_LENGTH = -27;
export const FAULT_EXPECTATION = -28;
export const FAULT_METHOD_UNKNOWN = -29;
export const FAULT_CHUNK_SIZE = -30;
export const FAULT_CHUNK_SIZE_RANGE = -31;
export const FAULT_CHUNK_EXTENSION = -32;
export const FAULT_CHUNK_EXTENSION_LENGTH = -33;
export const FAULT_CHUNK_END = -34;
export const FAULT_HEAD_TIMEOUT = -35;
export const FAULT_BODY_TIMEOUT = -36;
export const FAULT_HANDLER_TIMEOUT = -37;
export const FAULT_TRUNCATED = -38;
export const FAULT_EMPTY_LINES = -39;

/** The status answered to a fault. */
export function faultStatus(fault: number): number {
  return FAULTS[-fault]![0];
}

/** The code of the error a handler gets when a fault ends its exchange. */
export function faultCode(fault: number): HttpServerErrorCode {
  switch (faultStatus(fault)) {
    case 408:
      return 'BODY_TIMEOUT';
    case 413:
      return 'BODY_TOO_LARGE';
    case 503:
      return 'REPLY_TIMEOUT';
    default:
      return 'BODY_INVALID';
  }
}

/** The sentence that says what was wrong. */
export function faultText(fault: number): string {
  return FAULTS[-fault]![1];
}
