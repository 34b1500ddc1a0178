import type { Texts } from '../texts/english/texts.ts';
import { languageTags, languages } from '../texts/languages.ts';
import { type Html, html } from './html.ts';
import { type Preferences, shortcutModes, themes } from './preferences.ts';

/** Shows the choices of language, theme and shortcuts. `path`: where the form leads back to. */
export function preferencesForm(texts: Texts, { language, theme, shortcuts }: Preferences, path: string): Html {
  const choice = (name: string, value: string, isChosen: boolean, label: string, lang?: string) =>
    html`<button
      name="${name}"
      value="${value}"
      aria-pressed="${String(isChosen)}"
      ${lang === undefined ? undefined : html`lang="${lang}"`}
    >
      ${label}
    </button>`;
  return html`<form class="preferences" method="post" action="/ui/preferences" aria-label="${texts.nav.preferences}">
    <input type="hidden" name="next" value="${path}" />
    <fieldset>
      <legend>${texts.preferences.language}</legend>
      ${languageTags.map((tag) => choice('language', tag, tag === language, languages[tag].name, tag))}
    </fieldset>
    <fieldset>
      <legend>${texts.preferences.theme}</legend>
      ${themes.map((name) => choice('theme', name, name === theme, texts.preferences[name]))}
    </fieldset>
    <fieldset>
      <legend>${texts.preferences.shortcuts}</legend>
      ${shortcutModes.map((mode) => choice('shortcuts', mode, mode === shortcuts, texts.preferences[mode]))}
    </fieldset>
  </form>`;
}
