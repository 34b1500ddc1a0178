import type { ArchiveImports } from '../../../../archives/in/imports.ts';
import type { Author } from '../../../../registry/author.ts';
import type { Client } from '../../../auth/require-right.ts';
import type { Visit } from '../../session/visit.ts';
import { type Html, html } from '../../shell/html.ts';

/** A request for a view of uploads. */
export interface UploadVisit extends Visit {
  readonly imports: ArchiveImports;
  readonly client: Client & { readonly author: Author };
}

/** Shows why a form was refused, below a heading. */
export function alertOf(heading: string, messages: readonly string[]): Html | undefined {
  if (messages.length === 0) return undefined;
  return html`<div class="wrong" role="alert">
    <strong>${heading}</strong>
    ${messages.map((message) => html`<p>${message}</p>`)}
  </div>`;
}
