import { channel } from 'node:diagnostics_channel';

/** Node's own channels of its HTTP server: tools that listen to them see this one as they see node:http. */
export const requestStartChannel = channel('http.server.request.start');
/** Published when the reply can still be changed, before the handler runs. */
export const responseCreatedChannel = channel('http.server.response.created');
/** Published when the reply is complete. */
export const responseFinishChannel = channel('http.server.response.finish');
