import { sendJson } from '../errors.ts';
import type { Exchange } from './exchange.ts';

/** end-1 GET /v2/ */
export function getBase({ response }: Exchange): Promise<void> {
  sendJson(response, 200, {});
  return Promise.resolve();
}
