export { FastResponse, installFastResponse } from './fast-response.js';
export { FetchContext } from './fetch-context.js';
export { type FetchHandler, fetchHandler } from './fetch-handler.js';
