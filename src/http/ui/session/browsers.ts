import type { RequestHandler } from 'express';
import type { IncomingMessage } from 'node:http';
import type { Principal } from '../../../access/permissions/principal.ts';
import type { Sessions } from '../../../access/login/sessions.ts';
import { OciError } from '../../../oci/errors.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { noteAccount } from '../../server/request-record.ts';
import { type Cookie, createCookie } from '../shell/cookies.ts';

/** Sessions of browsers. */
export interface Browsers {
  readonly session: Cookie;
  readonly isSecure: (request: IncomingMessage) => boolean;
  /** Returns the user that is logged in in the browser; undefined without a valid session. */
  user(request: IncomingMessage): Promise<Principal | undefined>;
}

/** Returns a function that is true for requests of clients that use https. */
export function isSecure(publicUrl: PublicUrl): (request: IncomingMessage) => boolean {
  return (request) => publicUrl.base(request).startsWith('https://');
}

export function createBrowsers(publicUrl: PublicUrl, sessions: Sessions): Browsers {
  const session = createCookie('berth-session', isSecure(publicUrl));
  return {
    session,
    isSecure: isSecure(publicUrl),
    async user(request) {
      const user = await sessions.find(session.read(request));
      if (user) noteAccount(request, user.name);
      return user;
    },
  };
}

/** Refuses (403) forms that other sites send: browsers send the origin of the page with every form. */
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
      const message = `the form was sent from another site. If the address of this page is right, an admin has to set publicUrl`;
      next(new OciError('UNSUPPORTED', { status: 403, message }));
    }
  };
}
