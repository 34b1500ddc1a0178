import { AdministrationError } from '../../../../access/accounts/administration-error.ts';
import { type FormState, textField } from '../../parts/fields.ts';
import { type Html, html } from '../../shell/html.ts';
import type { AdminVisit } from './admin-view.ts';

/** Shows the form that deletes an account or a team: it cannot be undone, so the visitor types the name. */
export function deletionForm({ texts: { admin } }: AdminVisit, path: string, name: string, help: string, state: FormState): Html {
  return html`<h2>${admin.delete}</h2>
    <p class="quiet">${help}</p>
    <form method="post" action="${path}/delete">
      ${textField(state, { name: 'confirm', label: admin.typeName(name) })}
      <button class="danger">${admin.deleteNamed(name)}</button>
    </form>`;
}

/** Throws `AdministrationError` if the visitor has not typed the name. */
export function requireConfirmation({ form, texts }: AdminVisit, name: string): void {
  if (form.get('confirm') !== name) throw new AdministrationError('invalid', texts.admin.typeName(name), 'name');
}
