/* What the server gives to its apps: the lines of FOLDER/apps.conf.
 *
 *   APP.NAME = text      env.NAME is this text
 *   APP.NAME -> OTHER    env.NAME.fetch(request) is answered by the app OTHER
 *
 * It is the host's file and not the app's: an app must not choose which others it may call. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <errno.h>
#include <nano.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_MAX = 1000, SETTING_LINE_MAX = 8192, SETTINGS_OF_APP_MAX = 64 };

typedef struct setting {
  char *app, *name, *value;
  bool binding;
} setting;

static setting settings[SETTINGS_MAX];
static size_t settings_count;

/* The text without the blanks around it. */
static inline char *trimmed(char *text) {
  size_t len;
  text += strspn(text, " \t");
  for (len = strlen(text); len && strchr(" \t\r\n", text[len - 1]);) text[--len] = 0;
  return text;
}

static inline bool parse_setting(char *line, setting *out) {
  char *arrow = strstr(line, "->"), *equals = strchr(line, '='), *dot = strchr(line, '.');
  out->binding = arrow && (!equals || arrow < equals);
  char *sign = out->binding ? arrow : equals;
  if (!sign || !dot || dot > sign) return false;
  *dot = *sign = 0;
  out->app = trimmed(line), out->name = trimmed(dot + 1), out->value = trimmed(sign + (out->binding ? 2 : 1));
  return *out->app && *out->name && (!out->binding || *out->value);
}

/* Reads FOLDER/apps.conf, if there is one; ends the program at a line that says nothing. */
static inline void read_settings(const char *folder) {
  char path[4096], line[SETTING_LINE_MAX];
  snprintf(path, sizeof path, "%s/apps.conf", folder);
  FILE *file = fopen(path, "r");
  if (!file) {
    if (errno != ENOENT) perror(path), exit(1);
    return;
  }
  for (int number = 1; fgets(line, sizeof line, file); number++) {
    char *text = trimmed(line);
    if (*text == 0 || *text == '#') continue;
    if (settings_count == SETTINGS_MAX || !(text = strdup(text)) || !parse_setting(text, &settings[settings_count])) {
      fprintf(stderr, "%s:%d: neither APP.NAME = text nor APP.NAME -> OTHER, or too many lines\n", path, number);
      exit(1);
    }
    settings_count++;
  }
  fclose(file);
}

/* What one app is given; the options borrow it until the app is loaded. */
typedef struct given {
  nano_variable variables[SETTINGS_OF_APP_MAX];
  nano_binding bindings[SETTINGS_OF_APP_MAX];
} given;

static inline void give(const char *app, given *to, nano_app_options *options) {
  memset(to, 0, sizeof *to);
  options->env = to->variables, options->env_bindings = to->bindings;
  for (size_t i = 0; i < settings_count; i++) {
    const setting *s = &settings[i];
    if (strcmp(s->app, app)) continue;
    if (s->binding && options->env_bindings_count < SETTINGS_OF_APP_MAX)
      to->bindings[options->env_bindings_count++] =
          (nano_binding){.name = nano_str(s->name), .kind = NANO_BINDING_APP, .app = nano_str(s->value)};
    else if (!s->binding && options->env_count < SETTINGS_OF_APP_MAX)
      to->variables[options->env_count++] = (nano_variable){nano_str(s->name), nano_str(s->value)};
    else fprintf(stderr, "apps.conf: %s has more than %d settings of a kind\n", app, SETTINGS_OF_APP_MAX), exit(1);
  }
}

#endif
