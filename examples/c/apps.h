/* Apps of a folder, for a server: loading them, finding the one a Host header means, and what clients are told of errors. */
#ifndef APPS_H
#define APPS_H

#include <dirent.h>
#include <limits.h>
#include <nano.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "settings.h"

enum { APPS_LISTED_MAX = 1000 };
static char *app_names[APPS_LISTED_MAX];
static int apps_count;

/* The message and the app's stack go to the log, the client gets the status that is returned. */
static inline int log_error(const char *app, const nano_error *error) {
  nano_status status = nano_error_code(error);
  nano_bytes message = nano_error_message(error), stack = nano_error_stack(error);
  if (status != NANO_E_CANCELED && status != NANO_E_EXCEPTION) /* what an app throws is a LOG event as well */
    fprintf(stderr, "%s: %s: %.*s\n%.*s%s", app, nano_status_name(status), (int)message.len, (const char *)message.ptr, (int)stack.len,
            (const char *)stack.ptr, stack.len ? "\n" : "");
  return nano_error_http_status(error);
}

/* The app that a host stands for: "kv.localhost:8787" and "kv" are kv. The caller frees the handle. */
static inline nano_app *app_of(const nano_runtime *runtime, nano_bytes host, char *name, size_t room) {
  nano_app *app = NULL;
  const uint8_t *colon = memchr(host.ptr, ':', host.len);
  if (colon) host.len = (size_t)(colon - host.ptr);
  if (host.len > 10 && !strncasecmp((const char *)host.ptr + host.len - 10, ".localhost", 10)) host.len -= 10;
  if (host.len == 0 || host.len >= room) return NULL;
  for (size_t i = 0; i < host.len; i++) name[i] = (char)(host.ptr[i] >= 'A' && host.ptr[i] <= 'Z' ? host.ptr[i] | 32 : host.ptr[i]);
  name[host.len] = 0;
  return nano_app_find(runtime, nano_str(name), &app) == NANO_OK ? app : NULL;
}

/* A list of the apps for http://localhost:port/; false for other hosts. */
static inline bool index_page(nano_bytes host, char *page, size_t room) {
  const uint8_t *colon = memchr(host.ptr, ':', host.len);
  int name = (int)(colon ? (size_t)(colon - host.ptr) : host.len), port = (int)host.len - name;
  if ((name != 9 || memcmp(host.ptr, "localhost", 9)) && (name != 9 || memcmp(host.ptr, "127.0.0.1", 9))) return false;
  size_t len = (size_t)snprintf(page, room, "<!doctype html><title>NANO</title><h1>Apps</h1><ul>");
  for (int i = 0; i < apps_count && len < room; i++)
    len += (size_t)snprintf(page + len, room - len, "<li><a href=\"http://%s.localhost%.*s/\">%s</a>", app_names[i], port,
                            (const char *)host.ptr + name, app_names[i]);
  return true;
}

static inline bool exists(const char *folder, const char *name) {
  char path[PATH_MAX];
  struct stat info;
  return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && stat(path, &info) == 0;
}

/* A folder is an app if it says what its main module is, or has one where they are looked for; others lie here for other reasons. */
static inline bool is_app(const char *path, const char *name) {
  static const char *const main_files[] = {"package.json", "index.js",     "index.mjs",     "index.ts",     "index.tsx",     "index.jsx",    "worker.js",
                                           "worker.ts",    "src/index.js", "src/index.mjs", "src/index.ts", "src/index.tsx", "src/worker.ts"};
  if (name[0] == '.' || !strcmp(name, "node_modules")) return false;
  for (size_t i = 0; i < sizeof main_files / sizeof *main_files; i++)
    if (exists(path, main_files[i])) return true;
  return false;
}

/* Loads every app in `folder` by its folder's name, and prints a table. */
static inline void load_apps(const nano_runtime *runtime, const char *folder, int port) {
  struct dirent **entries;
  int count = scandir(folder, &entries, NULL, alphasort);
  if (count < 0) perror(folder), exit(1);
  read_settings(folder);
  printf("%-16s %-40s %s\n", "app", "address", "state");
  for (int i = 0; i < count; free(entries[i++])) {
    const char *name = entries[i]->d_name;
    char path[PATH_MAX], address[320];
    given settings_given;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!is_app(path, name)) continue;
    nano_app_options options = NANO_APP_OPTIONS_INIT;
    nano_app *app;
    nano_error *error;
    options.name = nano_str(name), options.source = nano_str(path), options.source_kind = NANO_SOURCE_FOLDER;
    give(name, &settings_given, &options);
    snprintf(address, sizeof address, "http://%s.localhost:%d/", name, port);
    if (exists(path, "package-lock.json") && !exists(path, "node_modules")) {
      printf("%-16s %-40s skipped: its packages are not installed (npm ci in its folder)\n", name, address);
      continue;
    }
    nano_status status = nano_app_load(runtime, &options, &app, &error);
    nano_bytes why = nano_error_message(error);
    printf("%-16s %-40s %s%.*s\n", name, address, status ? "failed: " : "ready", (int)why.len, (const char *)why.ptr);
    if (status == NANO_OK && apps_count < APPS_LISTED_MAX) app_names[apps_count++] = strdup(name);
    nano_error_free(error);
    nano_app_free(app);
  }
  free(entries);
  fflush(stdout);
}

#endif
