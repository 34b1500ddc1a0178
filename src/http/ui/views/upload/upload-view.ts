import type { Request, Response } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import type { ArchiveImports } from '../../../../archives/in/imports.ts';
import type { Author } from '../../../../registry/author.ts';
import type { Client } from '../../../auth/require-right.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notice } from '../../shell/notice.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';

/** A request for a view of uploads. */
export interface UploadVisit {
  readonly request: Request;
  readonly response: Response;
  readonly imports: ArchiveImports;
  readonly visitor: Principal;
  readonly client: Client & { readonly author: Author };
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

/** Shows why a form was refused, below a heading. */
export function alertOf(heading: string, messages: readonly string[]): Html | undefined {
  if (messages.length === 0) return undefined;
  return html`<div class="wrong" role="alert">
    <strong>${heading}</strong>
    ${messages.map((message) => html`<p>${message}</p>`)}
  </div>`;
}
