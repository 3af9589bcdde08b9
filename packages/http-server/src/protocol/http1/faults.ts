import type { HttpServerErrorCode } from '../../exchange/errors.js';
import type { Fault } from '../../exchange/observer.js';
import type { Http1Limits } from './limits.js';

/**
 * What a peer can get wrong: the status we answer, the text that says why, the code for programs and the option whose limit was reached.
 * Parsers return the negative index, so that finding a fault allocates nothing; index 0 is not a fault (0 means "incomplete").
 */
const FAULTS = [
  [0, '', '', null],
  [400, 'The request line must be: method SP target SP HTTP-version CRLF', 'REQUEST_LINE', null],
  [400, 'The method must be a token', 'METHOD', null],
  [501, 'The method is longer than 32 bytes', 'METHOD_LENGTH', null],
  [400, 'The request target holds a byte that is not allowed in it', 'TARGET', null],
  [414, 'The request target is too long', 'TARGET_LENGTH', 'maxTargetBytes'],
  [400, 'The request target has the wrong form for this method', 'TARGET_FORM', null],
  [400, 'The HTTP version must be HTTP/ DIGIT . DIGIT', 'VERSION', null],
  [505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here', 'VERSION_UNKNOWN', null],
  [400, 'A line must end with CRLF: LF found without CR', 'BARE_LF', null],
  [400, 'A line must end with CRLF: CR found without LF', 'BARE_CR', null],
  [400, 'A field name must be a token followed by a colon', 'FIELD_NAME', null],
  [400, 'No whitespace is allowed between a field name and its colon', 'SPACE_BEFORE_COLON', null],
  [400, 'Folded field lines are not allowed', 'FOLD', null],
  [400, 'A field value holds a control character', 'FIELD_VALUE', null],
  [431, 'There are too many field lines', 'FIELD_COUNT', 'maxHeaders'],
  [431, 'The head is too large', 'HEAD_LENGTH', 'maxHeaderBytes'],
  [400, 'HTTP/1.1 requires a Host field', 'HOST_MISSING', null],
  [400, 'There must be exactly one Host field', 'HOST_TWICE', null],
  [400, 'The host is not valid', 'HOST', null],
  [400, 'There must be at most one Content-Length field', 'LENGTH_TWICE', null],
  [400, 'Content-Length must be decimal digits', 'LENGTH', null],
  [400, 'Content-Length and Transfer-Encoding exclude each other', 'LENGTH_AND_CODING', null],
  [400, 'There must be at most one Transfer-Encoding field', 'CODING_TWICE', null],
  [400, 'The last transfer coding must be chunked, once', 'CODING', null],
  [501, 'The only transfer coding known here is chunked', 'CODING_UNKNOWN', null],
  [400, 'HTTP/1.0 has no Transfer-Encoding', 'CODING_1_0', null],
  [413, 'The request body is too large', 'BODY_LENGTH', 'maxBodyBytes'],
  [417, 'The only expectation known here is 100-continue', 'EXPECTATION', null],
  [501, 'CONNECT and TRACE are not implemented', 'METHOD_UNKNOWN', null],
  [400, 'A chunk size must be hexadecimal digits', 'CHUNK_SIZE', null],
  [400, 'A chunk size is too large', 'CHUNK_SIZE_RANGE', null],
  [400, 'A chunk extension is malformed', 'CHUNK_EXTENSION', null],
  [400, 'The chunk extensions are too long', 'CHUNK_EXTENSION_LENGTH', null],
  [400, 'Chunk data must be followed by CRLF', 'CHUNK_END', null],
  [408, 'The head took too long', 'HEAD_TIMEOUT', 'headerReadTimeoutMs'],
  [408, 'The body took too long', 'BODY_TIMEOUT', 'bodyReadTimeoutMs'],
  [503, 'The handler of this request did not reply in time', 'HANDLER_TIMEOUT', 'handlerTimeoutMs'],
  [400, 'The connection ended within a message', 'TRUNCATED', null],
  [400, 'Too many empty lines before the request line', 'EMPTY_LINES', null],
  [408, 'The request took too long', 'REQUEST_TIMEOUT', 'requestTimeoutMs'],
] as const satisfies readonly (readonly [
  status: number,
  text: string,
  code: string,
  limit: keyof Http1Limits | null,
])[];

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
export const FAULT_REQUEST_TIMEOUT = -40;

/** A fault as observers are told of it. */
export function faultReport(fault: number): Fault {
  const [status, message, code, limit] = FAULTS[-fault]!;
  return { code, status, message, limit };
}

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
