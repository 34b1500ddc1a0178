import type { Action } from '../../../access/permissions/action.ts';
import { type Html, editable, html } from '../shell/html.ts';

/** What a form holds when it is shown: after a rejection the input of the visitor, without passwords. */
export interface FormState {
  readonly form: URLSearchParams;
  /** Why the form was rejected; undefined: it is new. */
  readonly message?: string;
  /** Name of the field that the message is about. */
  readonly wrong?: string | undefined;
}

/** The state of a form that nobody has filled in. */
export const emptyForm: FormState = { form: new URLSearchParams() };

const problemId = 'problem';

/** Shows why a form was rejected. The field that it is about refers to it. */
export function problemOf({ message }: FormState): Html | undefined {
  return message === undefined ? undefined : html`<p class="wrong" role="alert" id="${problemId}">${message}</p>`;
}

export interface TextField {
  readonly name: string;
  readonly label: string;
  /** Shown where the form has no value yet. */
  readonly value?: string;
  readonly type?: 'text' | 'password' | 'search';
  readonly isOptional?: boolean;
  readonly autocomplete?: string;
  readonly placeholder?: string;
  readonly maxLength?: number;
  /** Visible lines of a field for several lines. Default: 3. */
  readonly rows?: number;
}

/** Shows a field for one line. A password never gets its value back. */
export function textField(state: FormState, field: TextField): Html {
  const { name, label, type = 'text', autocomplete = 'off', placeholder, maxLength = 255 } = field;
  const value = type === 'password' ? '' : (state.form.get(name) ?? field.value ?? '');
  return html`<label
    >${label}
    <input
      ${html`name="${name}" value="${value}"`}
      type="${type}"
      maxlength="${maxLength}"
      autocomplete="${autocomplete}"
      autocapitalize="none"
      ${placeholder === undefined ? undefined : html`placeholder="${placeholder}"`}
      ${field.isOptional ? undefined : html`required`}
      ${mark(state, name)}
  /></label>`;
}

/** Shows a field for several lines. The parser of HTML drops the line break before the value. */
export function textArea(state: FormState, { name, label, value = '', placeholder, rows = 3 }: TextField): Html {
  return html`<label>
    ${label}
    <textarea
      name="${name}"
      rows="${rows}"
      ${placeholder === undefined ? undefined : html`placeholder="${placeholder}"`}
      ${mark(state, name)}
    >
${editable(state.form.get(name) ?? value)}</textarea>
  </label>`;
}

/** Shows a choice of one. `options`: value and label; the first one is chosen where the form has none. */
export function choice(
  state: FormState,
  name: string,
  label: string,
  options: readonly (readonly [value: string, label: string])[],
  chosen: string | undefined = options[0]?.[0],
): Html {
  const value = state.form.get(name) ?? chosen;
  return html`<label>
    ${label}
    <select name="${name}" ${mark(state, name)}>
      ${options.map(([one, text]) => html`<option value="${one}" ${one === value ? html`selected` : undefined}>${text}</option>`)}
    </select>
  </label>`;
}

/** Shows a box to tick for each action. */
export function actionBoxes(
  state: FormState,
  label: string,
  labels: Readonly<Record<Action, string>>,
  ticked: readonly string[] = ['pull'],
): Html {
  const chosen = state.form.has('action') ? state.form.getAll('action') : ticked;
  return html`<fieldset class="boxes">
    <legend>${label}</legend>
    ${Object.entries(labels).map(
      ([action, text]) =>
        html`<label
          ><input type="checkbox" name="action" value="${action}" ${chosen.includes(action) ? html`checked` : undefined} />
          ${text}</label
        >`,
    )}
  </fieldset>`;
}

function mark({ wrong }: FormState, name: string): Html | undefined {
  return wrong === name ? html`aria-invalid="true" aria-describedby="${problemId}"` : undefined;
}
