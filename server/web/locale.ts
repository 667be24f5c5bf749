/**
 * Loaded first. Some browsers name a language that their own formatting functions refuse
 * (`en-US@posix`, where the system has no language), and libraries ask with that name when they are
 * loaded: then the page would stay empty.
 */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US" });
}
