import type { Request, RequestHandler } from 'express';
import type { IncomingMessage } from 'node:http';
import type { Principal } from '../../access/permissions/principal.ts';
import type { Sessions } from '../../access/login/sessions.ts';
import { OciError } from '../../oci/errors.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { noteAccount } from '../server/request-record.ts';
import { type Cookie, createCookie } from './cookies.ts';

/** What is known of the browser that sends a request. */
export interface Browsers {
  readonly session: Cookie;
  readonly isSecure: (request: IncomingMessage) => boolean;
  /** Who is logged in there. */
  user(request: Request): Promise<Principal | undefined>;
}

export function createBrowsers(publicUrl: PublicUrl, sessions: Sessions): Browsers {
  const isSecure = (request: IncomingMessage) => publicUrl.base(request).startsWith('https://');
  const session = createCookie('berth-session', isSecure);
  return {
    session,
    isSecure,
    async user(request) {
      const user = await sessions.find(session.read(request));
      if (user) noteAccount(request, user.name);
      return user;
    },
  };
}

/** Lets changes through only from our own pages: browsers say of every form where it comes from. */
export function refuseForeignForms(publicUrl: PublicUrl): RequestHandler {
  return (request, _response, next) => {
    const from = request.headers.origin;
    if (
      request.method === 'GET' ||
      request.method === 'HEAD' ||
      (from !== undefined && from === URL.parse(publicUrl.base(request))?.origin)
    )
      next();
    else {
      const message = `this form does not come from this page. Where its address is right, an admin has to set publicUrl`;
      next(new OciError('DENIED', { message }));
    }
  };
}
