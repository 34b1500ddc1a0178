import type { IncomingMessage, ServerResponse } from 'node:http';
import { createCookie } from './cookies.ts';

/** What a view tells once, after the form that led to it: any replica shows it, and a reload does not show it again. */
export interface Notice {
  readonly kind: 'done' | 'wrong';
  readonly lines: readonly string[];
  /** A secret that is shown once. */
  readonly secret?: string;
  /** Entries of the trash that a button restores. */
  readonly undo?: readonly number[];
}

/** Browsers refuse cookies above 4096 bytes. */
const mostBytes = 3500;
const lifetimeSeconds = 60;

/** Carries the notice in a cookie of the browser, since the next request may go to another process. */
export interface Notices {
  /** Leaves a notice for the next view. Lines that do not fit are left out; `more` tells their number. */
  leave(request: IncomingMessage, response: ServerResponse, notice: Notice, more: (count: number) => string): void;
  /** Returns the notice and removes it. */
  take(request: IncomingMessage, response: ServerResponse): Notice | undefined;
}

/** `name`: of the cookie; `isSecure`: true if the client uses https. */
export function createNotices(name: string, isSecure: (request: IncomingMessage) => boolean): Notices {
  const cookie = createCookie(name, isSecure);
  return {
    leave(request, response, notice, more) {
      let shown = notice.lines.length;
      let text = encode(notice);
      while (text.length > mostBytes && shown > 0) {
        shown = Math.floor(shown / 2);
        text = encode({ ...notice, lines: [...notice.lines.slice(0, shown), more(notice.lines.length - shown)] });
      }
      cookie.write(request, response, text, lifetimeSeconds);
    },
    take(request, response) {
      const text = cookie.read(request);
      if (text === undefined || text === '') return undefined;
      cookie.clear(request, response);
      return decode(text);
    },
  };
}

function encode(notice: Notice): string {
  return Buffer.from(JSON.stringify(notice)).toString('base64url');
}

/** Undefined for what `leave` has not written. */
function decode(text: string): Notice | undefined {
  try {
    const { kind, lines, secret, undo } = JSON.parse(Buffer.from(text, 'base64url').toString()) as Partial<Notice>;
    if (!Array.isArray(lines)) return undefined;
    return {
      kind: kind === 'wrong' ? 'wrong' : 'done',
      lines: lines.map(String),
      ...(typeof secret === 'string' ? { secret } : {}),
      ...(Array.isArray(undo) ? { undo: undo.map(Number).filter(Number.isSafeInteger) } : {}),
    };
  } catch {
    return undefined;
  }
}
