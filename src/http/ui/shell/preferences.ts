import type { IncomingMessage } from 'node:http';
import type { Router } from 'express';
import type { Texts } from '../texts/english/texts.ts';
import { type Language, isLanguage, languages, preferredLanguage } from '../texts/languages.ts';
import { createCookie } from './cookies.ts';
import { formOf } from './form.ts';
import { localPath } from './local-path.ts';
import { redirect } from './redirect.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

/** Whether single keys open views and copy (WCAG 2.1.4). */
export const shortcutModes = ['on', 'off'] as const;
export type Shortcuts = (typeof shortcutModes)[number];

/** How a visitor wants to see the page. */
export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
  readonly shortcuts: Shortcuts;
}

const yearSeconds = 365 * 24 * 3600;

// They are no secrets, and the same over http and https.
const languageCookie = createCookie('berth-language', () => false);
const themeCookie = createCookie('berth-theme', () => false);
const shortcutsCookie = createCookie('berth-shortcuts', () => false);

/** Choices by request: each part of a view asks for them. */
const known = new WeakMap<IncomingMessage, Preferences>();

/** Returns the visitor's choices; by default the language of the browser and the theme of the system. */
export function preferencesOf(request: IncomingMessage): Preferences {
  let preferences = known.get(request);
  if (!preferences) {
    preferences = readPreferences(request);
    known.set(request, preferences);
  }
  return preferences;
}

function readPreferences(request: IncomingMessage): Preferences {
  const language = languageCookie.read(request);
  const theme = themeCookie.read(request);
  return {
    language: isLanguage(language) ? language : preferredLanguage(request.headers['accept-language']),
    theme: themes.find((known) => known === theme) ?? 'system',
    shortcuts: shortcutsCookie.read(request) === 'off' ? 'off' : 'on',
  };
}

export function textsOf(request: IncomingMessage): Texts {
  return languages[preferencesOf(request).language].texts;
}

/** Adds `POST /ui/preferences`, which keeps the choices in cookies and leads back to the view that it came from. */
export function addPreferences(router: Router): void {
  router.post('/preferences', (request, response) => {
    const form = formOf(request);
    const [language, theme] = [form.get('language') ?? undefined, form.get('theme')];
    if (isLanguage(language)) languageCookie.write(request, response, language, yearSeconds);
    const known = themes.find((name) => name === theme);
    if (known) themeCookie.write(request, response, known, yearSeconds);
    const shortcuts = shortcutModes.find((mode) => mode === form.get('shortcuts'));
    if (shortcuts) shortcutsCookie.write(request, response, shortcuts, yearSeconds);
    redirect(response, localPath(form.get('next')));
  });
}
