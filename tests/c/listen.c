/* The built-in HTTP server as a host without one uses it. */
#include "harness.h"

#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

/* A connection to the server at address, with a request sent; -1 if there is none. */
static int send_to(nano_bytes address, const char *request) {
  char text[64] = "";
  memcpy(text, address.ptr, address.len < sizeof text - 1 ? address.len : sizeof text - 1);
  char *colon = strrchr(text, ':');
  if (!colon) return -1;
  *colon = 0;
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1)) };
  inet_pton(AF_INET, text, &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, request, strlen(request)) > 0) return fd;
  close(fd);
  return -1;
}

/* What the server at address answers to a request, up to the end of the connection. */
static size_t ask(nano_bytes address, const char *request, char *answer, size_t room) {
  int fd = send_to(address, request);
  size_t len = 0;
  ssize_t got;
  while (fd >= 0 && len < room - 1 && (got = read(fd, answer + len, room - 1 - len)) > 0) len += (size_t)got;
  answer[len] = 0;
  if (fd >= 0) close(fd);
  return len;
}

static nano_listener *listen_on(nano_runtime *runtime, nano_listen_options options) {
  nano_listener *listener;
  nano_error *error;
  options.address = nano_str("127.0.0.1:0");
  if (nano_listen(runtime, &options, &listener, &error)) bail("nano_listen", error);
  return listener;
}

static void requests_go_to_the_app_of_their_host_and_path(nano_runtime *runtime, nano_app *one, nano_app *two) {
  nano_route routes[] = {{nano_str("one.test"), nano_str(""), one}, {nano_str("one.test"), nano_str("/two"), two}};
  nano_listen_options options = NANO_LISTEN_OPTIONS_INIT;
  options.routes = routes, options.routes_count = 2;
  nano_listener *listener = listen_on(runtime, options);
  nano_bytes address = nano_listener_address(listener);
  char answer[4096];
  CHECK(ask(address, "GET /x HTTP/1.1\r\nHost: one.test:80\r\nConnection: close\r\n\r\n", answer, sizeof answer));
  CHECK(strstr(answer, "HTTP/1.1 200 OK\r\n") == answer && strstr(answer, "\r\n\r\none"));
  CHECK(ask(address, "GET /two/x HTTP/1.1\r\nHost: ONE.test\r\nConnection: close\r\n\r\n", answer, sizeof answer));
  CHECK(strstr(answer, "\r\n\r\ntwo"));
  CHECK(ask(address, "GET / HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n", answer, sizeof answer));
  CHECK(strstr(answer, "HTTP/1.1 404 Not Found") && strstr(answer, "\"code\":\"NO_APP\""));
  CHECK(ask(address, "nonsense\r\n\r\n", answer, sizeof answer));
  CHECK(strstr(answer, "HTTP/1.1 400 Bad Request"));
  CHECK_EQ(nano_listener_close(listener), NANO_OK);
  CHECK_EQ(nano_listener_close(listener), NANO_OK);
  CHECK_EQ(ask(address, "GET / HTTP/1.1\r\nHost: one.test\r\n\r\n", answer, sizeof answer), 0);
  nano_listener_free(listener);
}

static void open_connections_are_counted(nano_runtime *runtime, nano_app *app) {
  nano_route route = {nano_str(""), nano_str(""), app};
  nano_listen_options options = NANO_LISTEN_OPTIONS_INIT;
  options.routes = &route, options.routes_count = 1;
  nano_listener *listener = listen_on(runtime, options);
  char answer[16];
  CHECK_EQ(nano_listener_connections(listener), 0);
  int fds[2];
  for (int i = 0; i < 2; i++) {
    fds[i] = send_to(nano_listener_address(listener), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(read(fds[i], answer, sizeof answer) > 0);
    CHECK_EQ(nano_listener_connections(listener), i + 1);
  }
  for (int i = 0; i < 2; i++) {
    close(fds[i]);
    while (nano_listener_connections(listener) != (uint64_t)(1 - i)) sched_yield();
  }
  nano_listener_free(listener);
}

static void bad_options_are_explained(nano_runtime *runtime, nano_app *app) {
  nano_listener *listener;
  nano_error *error;
  nano_listen_options options = NANO_LISTEN_OPTIONS_INIT;
  options.address = nano_str("localhost");
  CHECK_EQ(nano_listen(runtime, &options, &listener, &error), NANO_E_INVALID);
  CHECK(has(nano_error_message(error), "localhost") && listener == NULL);
  nano_error_free(error);
  nano_route routes[] = {{nano_str(""), nano_str("/a"), app}, {nano_str(""), nano_str("/a/"), app}, {nano_str(""), nano_str(""), NULL}};
  options.address = nano_str("127.0.0.1:0");
  options.routes = routes, options.routes_count = 2;
  CHECK_EQ(nano_listen(runtime, &options, &listener, NULL), NANO_E_ALREADY);
  options.routes = routes + 2, options.routes_count = 1;
  CHECK_EQ(nano_listen(runtime, &options, &listener, NULL), NANO_E_INVALID);
  nano_runtime *other = make_runtime(1);
  options.routes = routes;
  CHECK_EQ(nano_listen(other, &options, &listener, &error), NANO_E_INVALID);
  CHECK(has(nano_error_message(error), "another runtime's") && listener == NULL);
  nano_error_free(error);
  nano_runtime_free(other);
  CHECK_EQ(nano_listen(NULL, &options, &listener, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_listen(runtime, NULL, &listener, NULL), NANO_E_INVALID);
  CHECK_EQ(nano_listener_close(NULL), NANO_E_INVALID);
  CHECK(nano_listener_address(NULL).ptr == NULL);
  nano_listener_free(NULL);
}

static void a_listener_outlives_its_runtime_as_a_handle_only(nano_runtime *runtime, nano_app *app) {
  nano_route route = {nano_str(""), nano_str(""), app};
  nano_listen_options options = NANO_LISTEN_OPTIONS_INIT;
  options.routes = &route, options.routes_count = 1;
  nano_listener *listener = listen_on(runtime, options);
  nano_app_free(app);
  nano_runtime_free(runtime);
  char answer[64];
  CHECK_EQ(ask(nano_listener_address(listener), "GET / HTTP/1.1\r\nHost: a\r\n\r\n", answer, sizeof answer), 0);
  CHECK_EQ(nano_listener_close(listener), NANO_OK);
  nano_listener_free(listener);
}

/* What is in a file of tests/tls; freed by the caller. */
static nano_bytes file(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "tests/tls/%s", name);
  FILE *in = fopen(path, "rb");
  CHECK(in != NULL);
  char *text = malloc(4096);
  size_t len = in ? fread(text, 1, 4096, in) : 0;
  if (in) fclose(in);
  return (nano_bytes){(const uint8_t *)text, len};
}

static void certificates_make_a_listener_speak_tls(nano_runtime *runtime, nano_app *app) {
  nano_certificate one = {file("one.pem"), file("one.key")}, two = {file("two.pem"), file("two.key")};
  nano_certificate mixed = {one.chain, two.key};
  nano_route route = {nano_str(""), nano_str(""), app};
  nano_listen_options options = NANO_LISTEN_OPTIONS_INIT;
  options.routes = &route, options.routes_count = 1;
  options.certificates = &one, options.certificates_count = 1;
  nano_listener *listener = listen_on(runtime, options), *plain;
  char answer[4096];
  CHECK(ask(nano_listener_address(listener), "GET / HTTP/1.1\r\nHost: one.test\r\n\r\n", answer, sizeof answer));
  CHECK(strstr(answer, "HTTP/1.1 400 Bad Request\r\n") == answer && strstr(answer, "use https:// instead of http://"));
  /* What is neither TLS nor HTTP is answered by a record of TLS, an alert. */
  CHECK(ask(nano_listener_address(listener), "neither of both", answer, sizeof answer) && answer[0] == 0x15);
  nano_error *error;
  CHECK_EQ(nano_listener_set_certificates(listener, &two, 1, NULL), NANO_OK);
  CHECK_EQ(nano_listener_set_certificates(listener, &mixed, 1, &error), NANO_E_INVALID);
  CHECK(has(nano_error_message(error), "another certificate's"));
  nano_error_free(error);
  CHECK_EQ(nano_listener_set_certificates(listener, NULL, 0, NULL), NANO_E_INVALID);
  options.certificates = &mixed;
  options.address = nano_str("127.0.0.1:0");
  CHECK_EQ(nano_listen(runtime, &options, &plain, NULL), NANO_E_INVALID);
  options.certificates = NULL, options.certificates_count = 0;
  plain = listen_on(runtime, options);
  CHECK_EQ(nano_listener_set_certificates(plain, &one, 1, NULL), NANO_E_INVALID);
  nano_listener_free(plain);
  nano_listener_free(listener);
  free((void *)one.chain.ptr), free((void *)one.key.ptr), free((void *)two.chain.ptr), free((void *)two.key.ptr);
}

int main(void) {
  test_begin();
  nano_runtime *runtime = make_runtime(2);
  nano_app *one = load(runtime, app_options("one", "export default { fetch() { return new Response('one') } }"));
  nano_app *two = load(runtime, app_options("two", "export default { fetch() { return new Response('two') } }"));
  requests_go_to_the_app_of_their_host_and_path(runtime, one, two);
  open_connections_are_counted(runtime, one);
  bad_options_are_explained(runtime, one);
  certificates_make_a_listener_speak_tls(runtime, one);
  nano_app_free(two);
  a_listener_outlives_its_runtime_as_a_handle_only(runtime, one);
  return test_end();
}
