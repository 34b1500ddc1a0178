import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from '../errors/json.ts';
import { problem } from '../errors/problem.ts';
import { noteRoute } from '../server/route-pattern.ts';

/** The state of the server for health probes. */
export interface Health {
  /** Properties of the running process for operators. */
  readonly facts: Readonly<Record<string, string>>;
  /** Rejects if a store does not answer. */
  ready(): Promise<void>;
  /** Resolves to a sentence while content cannot be changed. */
  readOnly(): Promise<string | undefined>;
}

/**
 * Answers GET and HEAD of `/healthz` and `/readyz`; returns false for every other request. Probes come before anybody uses
 * the page, and every second: they do not need Express.
 */
export function serveHealth(health: Health, request: IncomingMessage, response: ServerResponse): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  const path = (request.url ?? '').replace(/\/?(?:\?.*)?$/s, '');
  if (path === '/healthz') sendState(response, { status: 'ok', ...health.facts });
  else if (path === '/readyz') void sendReadiness(health, response);
  else return false;
  noteRoute(request, path);
  return true;
}

async function sendReadiness(health: Health, response: ServerResponse): Promise<void> {
  let readOnly: string | undefined;
  try {
    await health.ready();
    readOnly = await health.readOnly();
  } catch (error) {
    response.setHeader('Retry-After', '5');
    problem(response, 503, error instanceof Error ? error.message : String(error));
    return;
  }
  sendState(response, { status: 'ready', ...(readOnly === undefined ? {} : { readOnly }) });
}

function sendState(response: ServerResponse, state: object): void {
  sendJson(response, 200, state, 'application/json; charset=utf-8');
}
