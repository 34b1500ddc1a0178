import type { Request, Response } from 'express';
import type { Actor } from '../../../access/accounts/administration.ts';
import type { Principal } from '../../../access/permissions/principal.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { formOf } from '../shell/form.ts';
import type { Notice, Notices } from '../shell/notice.ts';
import { preferencesOf, textsOf } from '../shell/preferences.ts';
import type { Texts } from '../texts/english/texts.ts';
import type { Language } from '../texts/languages.ts';
import { queryOf } from './visitors.ts';

/** A request of a visitor for a view or with a form. */
export interface Visit {
  readonly request: Request;
  readonly response: Response;
  readonly visitor: Principal;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  readonly texts: Texts;
  readonly language: Language;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Returns the notice that the last form has left, once. */
  takeNotice(): Notice | undefined;
  leaveNotice(notice: Notice): void;
}

export interface VisitOptions {
  readonly notices: Notices;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function openVisit({ notices, now }: VisitOptions, visitor: Principal, request: Request, response: Response): Visit {
  const texts = textsOf(request);
  return {
    request,
    response,
    visitor,
    texts,
    query: queryOf(request),
    form: formOf(request),
    language: preferencesOf(request).language,
    now: now(),
    takeNotice: () => notices.take(request, response),
    leaveNotice: (notice) => notices.leave(request, response, notice, texts.notice.more),
  };
}

/** Returns the visitor as the actor of changes. */
export function actorOf(publicUrl: PublicUrl, visitor: Principal, request: Request, response: Response): Required<Actor> {
  return {
    name: visitor.name,
    address: publicUrl.clientAddress(request),
    requestId: String(response.getHeader('X-Request-Id')),
  };
}
