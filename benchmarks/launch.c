/* Runs a command and writes down what it and all its children used: launch REPORT COMMAND...
 *
 * A child that Python starts is told the peak memory of Python itself as its own, since Linux counts
 * what the process held before it became the command. This one holds next to nothing. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **words) {
    struct rusage used;
    int status;
    if (count < 3) return 2;
    pid_t child = fork();
    if (!child) {
        execvp(words[2], words + 2);
        perror(words[2]);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &used) < 0) return 1;
    FILE *report = fopen(words[1], "w");
    if (!report) return 1;
    fprintf(report, "%ld.%06ld %ld.%06ld %ld\n", used.ru_utime.tv_sec, (long)used.ru_utime.tv_usec,
            used.ru_stime.tv_sec, (long)used.ru_stime.tv_usec, used.ru_maxrss);
    fclose(report);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
