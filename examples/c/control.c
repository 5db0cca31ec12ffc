/* Breaks something in a running modem, waits for what comes of it, and prints both answers.
 *
 *   cc -o control control.c
 *   quasimodem lab --control unix:/tmp/control &
 *   ./control /tmp/control '{"fault": "data-call-lost", "times": 1}' 'radio.call'
 *
 * Exits with 0 if it came, 1 if it did not, 2 if something can't be. docs/CONTROL.md has all that can be asked. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Asks, and returns the status; the answer, cut to size, goes to body. */
static int ask(const char *path, const char *request, char *body, size_t size)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    char answer[65536], *end;
    size_t length = 0, sent = 0, due = strlen(request);
    ssize_t n = 0;
    int status = -1, fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd >= 0 && strlen(path) < sizeof at.sun_path) {
        strcpy(at.sun_path, path);
        if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
            while (sent < due && (n = write(fd, request + sent, due - sent)) > 0)
                sent += (size_t)n;
            /* The answer is whole when the connection ends. */
            while (length < sizeof answer - 1 && (n = read(fd, answer + length, sizeof answer - 1 - length)) > 0)
                length += (size_t)n;
            answer[length] = '\0';
            if ((end = strstr(answer, "\r\n\r\n")) && sscanf(answer, "HTTP/1.1 %d", &status) == 1)
                snprintf(body, size, "%s", end + 4);
        }
    }
    if (fd >= 0)
        close(fd);
    return status;
}

int main(int argc, char **argv)
{
    char request[4096], until[1024] = "", body[65536] = "nobody answers";

    if (argc != 4 || strlen(argv[2]) > 2048 || strlen(argv[3]) > 300) {
        fprintf(stderr, "usage: %s SOCKET FAULT-AS-JSON EVENT\n", argv[0]);
        return 2;
    }
    for (const char *c = argv[3]; *c; c++)
        sprintf(until + strlen(until), isalnum((unsigned char)*c) ? "%c" : "%%%02X", (unsigned char)*c);

    snprintf(request, sizeof request,
             "PUT /api/v1/faults/from-c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(argv[2]), argv[2]);
    if (ask(argv[1], request, body, sizeof body) / 100 != 2)
        return fprintf(stderr, "it can't be broken so: %s\n", body), 2;
    puts(body);

    /* What came since the fault was there counts, also if it came before this is asked. */
    snprintf(request, sizeof request,
             "GET /api/v1/wait?timeout=20s&until=%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", until);
    if (ask(argv[1], request, body, sizeof body) != 200)
        return fprintf(stderr, "it can't be waited for: %s\n", body), 2;
    puts(body);
    return strstr(body, "\"met\":true") ? EXIT_SUCCESS : EXIT_FAILURE;
}
