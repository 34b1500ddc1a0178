/**
 * `node:http` without the cost of its ES module. An `import` of it reads every export once, and its `WebSocket` loads the
 * HTTP client behind `fetch`: 14 MiB of memory and 40 ms at each start, which berth does not need.
 */
export const { Agent, STATUS_CODES, createServer, request } = process.getBuiltinModule('node:http');
