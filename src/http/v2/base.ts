import { sendJson } from '../errors/json.ts';
import type { RequestContext } from './request-context.ts';

/** end-1 GET /v2/ */
export function getBase({ response }: RequestContext): Promise<void> {
  sendJson(response, 200, {});
  return Promise.resolve();
}
