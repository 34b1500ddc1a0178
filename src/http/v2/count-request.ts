import type { IncomingMessage, ServerResponse } from 'node:http';
import { type LimitedAccount, type RateLimits, noAccount } from '../server/rate-limits.ts';
import type { ResponseHead } from '../server/response-head.ts';
import type { Services } from './request-context.ts';
import type { Route } from './routes.ts';

export interface CountedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: ResponseHead;
  readonly route: Route;
}

/**
 * Returns the client that `authorize` returns, after it has counted the request for the client's rate limits and limited
 * its bandwidth. A request that is refused counts for its address, so that refusals have a limit too. Throws TOOMANYREQUESTS.
 */
export function countRequest<Client extends LimitedAccount>(
  { limits }: Pick<Services, 'limits'>,
  counted: CountedRequest,
  authorize: () => Client | Promise<Client>,
): Client | Promise<Client> {
  return limits?.isLimited === true ? countLimited(limits, counted, authorize) : authorize();
}

async function countLimited<Client extends LimitedAccount>(
  limits: RateLimits,
  { request, response, head, route }: CountedRequest,
  authorize: () => Client | Promise<Client>,
): Promise<Client> {
  const setHeader = (name: string, value: string) => void head.common.push(name, value);
  let account: Client;
  try {
    account = await authorize();
  } catch (error) {
    await limits.count(request, { account: noAccount, counted: ['requests'] }, setHeader);
    throw error;
  }
  const own = route.limit === undefined ? [] : [route.limit];
  // As at Docker Hub, a HEAD shows the limit of pulls and does not count.
  const what = request.method === 'HEAD' ? { counted: [], shown: own } : { counted: own, shown: [] };
  await limits.count(request, { account, counted: [...what.counted, 'requests'], shown: what.shown }, setHeader);
  limits.pace(request, response, account);
  return account;
}
