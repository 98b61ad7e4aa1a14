/*
 * questions.c - where a room's questions come from.
 *
 * The bank is a JSON file that is installed beside the module; its format is
 * that of the file: {"topics": {NAME: [{"text", "choices", "answer"}]}}, answer
 * being the number of the right choice, from 0. Nothing in it, nor in what
 * another server says, is believed: see check_question().
 */
#include <crq.h>

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apps/trivia/lua.h"
#include "apps/trivia/trivia.h"

#define BANK     "trivia-questions.json"
#define BANK_MAX ((size_t)4 << 20)
#define CHOICES  4
#define TEXT_MAX 300

int trivia_error(crq_error *err, int code, const char *format, ...)
{
    va_list ap;

    if (err != NULL) {
        err->code = code;
        va_start(ap, format);
        vsnprintf(err->text, sizeof(err->text), format, ap);
        va_end(ap);
    }
    return code;
}

/* ------------------------------------------------------------------ questions
 */

static bool is_text(const crq_value *v)
{
    const char *text;
    size_t len;

    if (crq_value_type(v) != CRQ_STR)
        return false;
    text = crq_value_data(v, &len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20)
            return false;
    return len > 0 && len <= TEXT_MAX;
}

/* NULL, or what is wrong with it. */
static const char *check_question(const crq_value *q)
{
    const crq_value *choices, *answer;

    if (crq_value_type(q) != CRQ_DICT)
        return "it is no object";
    if (!is_text(crq_value_get(q, "text")))
        return "its text is none";
    choices = crq_value_get(q, "choices");
    if (crq_value_type(choices) != CRQ_LIST ||
            crq_value_count(choices) != CHOICES)
        return "it has not four choices";
    for (size_t i = 0; i < CHOICES; i++) {
        if (!is_text(crq_value_item(choices, i)))
            return "a choice is no text";
        for (size_t j = 0; j < i; j++)
            if (crq_value_equal(crq_value_item(choices, i),
                        crq_value_item(choices, j)))
                return "two choices are the same";
    }
    answer = crq_value_get(q, "answer");
    if (crq_value_type(answer) != CRQ_INT || !crq_value_int_fits(answer) ||
            crq_value_int(answer) < 0 || crq_value_int(answer) >= CHOICES)
        return "its answer is no choice";
    return NULL;
}

static int shuffle(size_t *order, size_t count, crq_error *err)
{
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    for (size_t i = count; i > 1; i--) {
        uint32_t j;
        size_t kept = order[i - 1];
        int rc = app_random((uint32_t)i, &j, err);

        if (rc < 0)
            return rc;
        order[i - 1] = order[j];
        order[j] = kept;
    }
    return 0;
}

/* The question with its choices in another order, and nothing else in it. */
static int copy_question(const crq_value *q, bool mix, crq_value **out,
        crq_error *err)
{
    size_t order[CHOICES] = { 0, 1, 2, 3 };
    const crq_value *choices = crq_value_get(q, "choices");
    int64_t answer = crq_value_int(crq_value_get(q, "answer")), now = 0;
    crq_value *copy = crq_value_new_dict(), *mixed = crq_value_new_list();
    int rc = copy != NULL && mixed != NULL ? 0 : CRQ_ENOMEM;

    if (rc == 0 && mix)
        rc = shuffle(order, CHOICES, err);
    for (size_t i = 0; rc == 0 && i < CHOICES; i++) {
        if ((int64_t)order[i] == answer)
            now = (int64_t)i;
        rc = crq_value_add(mixed,
                crq_value_ref(crq_value_item(choices, order[i])));
    }
    if (rc == 0)
        rc = crq_value_set(copy, "text",
                crq_value_ref(crq_value_get(q, "text")));
    if (rc == 0)
        rc = crq_value_set(copy, "choices", crq_value_ref(mixed));
    if (rc == 0)
        rc = crq_value_set(copy, "answer", crq_value_new_int(now));
    crq_value_free(mixed);
    if (rc < 0) {
        crq_value_free(copy);
        return rc;
    }
    *out = copy;
    return 0;
}

/* Add question i, unless it is wrong or was there before. */
static int add_question(crq_value *chosen, const crq_value *questions, size_t i,
        bool mix, crq_error *err)
{
    const crq_value *q = crq_value_item(questions, i);
    const char *wrong = check_question(q);
    crq_value *copy = NULL;
    int rc;

    for (size_t j = 0; wrong == NULL && j < crq_value_count(chosen); j++)
        if (crq_value_equal(crq_value_get(q, "text"),
                    crq_value_get(crq_value_item(chosen, j), "text")))
            wrong = "it comes twice";
    if (wrong != NULL)
        return trivia_error(err, CRQ_ECODEC, "question %zu: %s", i + 1, wrong);
    rc = copy_question(q, mix, &copy, err);
    return rc < 0 ? rc : crq_value_add(chosen, copy);
}

int trivia_choose(const crq_value *questions, size_t count, bool mix,
        crq_value **out, crq_error *err)
{
    crq_value *chosen = crq_value_new_list();
    size_t have = crq_value_count(questions);
    size_t *order = calloc(have + 1, sizeof(*order));
    int rc = 0;

    if (order == NULL || chosen == NULL)
        rc = trivia_error(err, CRQ_ENOMEM, "out of memory");
    else if (have < count)
        rc = trivia_error(err, CRQ_ECODEC,
                "there are %zu questions, %zu were asked for", have, count);
    else if (mix)
        rc = shuffle(order, have, err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_question(chosen, questions, mix ? order[i] : i, mix, err);
    free(order);
    if (rc < 0) {
        crq_value_free(chosen);
        return rc;
    }
    *out = chosen;
    return 0;
}

/* ------------------------------------------------------------------- the bank
 */

/* Read a file of the module's folder, or of the one above: there it is before
 * anything is installed. */
static FILE *open_bank(void)
{
    static const char *const places[] = { "", "../" };
    char path[4096];
    const char *slash;
    FILE *file = NULL;
    Dl_info info;

    if (dladdr(places, &info) == 0 || info.dli_fname == NULL)
        return NULL;
    slash = strrchr(info.dli_fname, '/');
    for (size_t i = 0; slash != NULL && file == NULL && i < 2; i++) {
        int len = snprintf(path, sizeof(path), "%.*s/%s" BANK,
                (int)(slash - info.dli_fname), info.dli_fname, places[i]);

        if (len > 0 && (size_t)len < sizeof(path))
            file = fopen(path, "re");
    }
    return file;
}

static int load_bank(crq_value **out, crq_error *err)
{
    FILE *file = open_bank();
    char *text = NULL;
    size_t len = 0;
    int rc;

    if (file == NULL)
        return trivia_error(err, CRQ_EIO, "there is no bank of questions");
    text = malloc(BANK_MAX);
    if (text != NULL)
        len = fread(text, 1, BANK_MAX, file);
    if (text == NULL)
        rc = trivia_error(err, CRQ_ENOMEM, "out of memory");
    else if (ferror(file) || len == BANK_MAX)
        rc = trivia_error(err, CRQ_EIO, "the bank of questions is unreadable");
    else
        rc = crq_value_from_json(text, len, out, err);
    free(text);
    fclose(file);
    return rc;
}

/* Append the questions of one topic, or of all others. */
static int add_topics(crq_value *all, const crq_value *topics,
        const char *topic, bool others, crq_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < crq_value_count(topics); i++) {
        const char *name = crq_value_text(crq_value_key(topics, i));
        const crq_value *list = crq_value_item(topics, i);

        if ((strcasecmp(name, topic) == 0) == others)
            continue;
        if (crq_value_type(list) != CRQ_LIST)
            return trivia_error(err, CRQ_ECODEC, "the bank is damaged");
        for (size_t j = 0; rc == 0 && j < crq_value_count(list); j++)
            rc = crq_value_add(all, crq_value_ref(crq_value_item(list, j)));
    }
    return rc;
}

int trivia_bank(const char *topic, size_t count, crq_value **out,
        crq_error *err)
{
    crq_value *bank = NULL, *own = crq_value_new_list(),
              *others = crq_value_new_list(), *more = NULL, *chosen = NULL;
    const crq_value *topics = NULL;
    size_t have;
    int rc = own != NULL && others != NULL ? load_bank(&bank, err) : CRQ_ENOMEM;

    if (rc == 0 && crq_value_type(bank) == CRQ_DICT)
        topics = crq_value_get(bank, "topics");
    if (rc == 0 && crq_value_type(topics) != CRQ_DICT)
        rc = trivia_error(err, CRQ_ECODEC, "the bank is damaged");
    if (rc == 0)
        rc = add_topics(own, topics, topic, false, err);
    if (rc == 0)
        rc = add_topics(others, topics, topic, true, err);
    if (rc < 0)
        goto out;
    have = crq_value_count(own) < count ? crq_value_count(own) : count;
    rc = trivia_choose(own, have, true, &chosen, err);
    if (rc == 0)
        rc = trivia_choose(others, count - have, true, &more, err);
    for (size_t i = 0; rc == 0 && i < count - have; i++)
        rc = crq_value_add(chosen, crq_value_ref(crq_value_item(more, i)));
    if (rc == 0) {
        *out = chosen;
        chosen = NULL;
    }
out:
    crq_value_free(chosen);
    crq_value_free(more);
    crq_value_free(others);
    crq_value_free(own);
    crq_value_free(bank);
    return rc;
}

/* ------------------------------------------------------------------ the tasks
 */

/* The room has them; what would have failed it is not needed any more. */
static int give(crq_task *task, const char *code, const crq_value *questions,
        crq_value **out, crq_error *err)
{
    char id[ID_SIZE], *json = NULL;
    int rc = crq_value_json(questions, &json, NULL, err);

    if (rc == 0)
        rc = trivia_run(task, lua_ready, code, "", json, out, err);
    crq_text_free(json);
    if (rc < 0)
        return rc;
    trivia_fail_id(id, code);
    return app_withdraw(task, id, err);
}

static int get_questions(crq_task *task, const char *topic, int64_t count,
        crq_value **out, crq_error *err)
{
    double options[OPTIONS];
    crq_value *texts = NULL;
    const char *url;
    int rc = trivia_options(task, options, &texts, err);

    if (rc < 0)
        return rc;
    if (count < 1 || count > QUESTIONS_MAX)
        count = (int64_t)options[QUESTIONS];
    url = app_get_text(texts, "questions_url");
    if (url[0] != '\0')
        rc = trivia_fetch(url, options[QUESTIONS_TIMEOUT_SECONDS], topic,
                (size_t)count, out, err);
    else
        rc = trivia_bank(topic, (size_t)count, out, err);
    crq_value_free(texts);
    return rc;
}

/* Whether the room waits for questions. */
static int is_building(crq_task *task, const char *code, bool *out,
        crq_error *err)
{
    crq_value *status = NULL;
    int rc = crq_task_redis(task, &status, err, "HGET trivia:room:%s status",
            code);

    if (rc < 0)
        return rc;
    *out = crq_value_type(status) == CRQ_STR &&
            strcmp(crq_value_text(status), "building") == 0;
    crq_value_free(status);
    return 0;
}

/* trivia.generate_questions(code, topic, count) -> the room's status, None when
 * there is no such room */
int trivia_generate_questions(crq_task *task, crq_error *err)
{
    const char *code, *topic = crq_task_str(task, "topic");
    int64_t count = crq_task_int_or(task, "count", 0);
    crq_value *questions = NULL, *status = NULL;
    crq_error why = { 0 };
    bool building = false;
    int rc = crq_task_args_end(task, err);

    if (rc == 0)
        rc = app_get_code(task, "room", &code, err);
    if (rc == 0)
        rc = is_building(task, code, &building, err);
    if (rc < 0)
        return rc;
    if (!building)
        return crq_task_return(task, crq_value_new_none());
    rc = get_questions(task, topic, count, &questions, &why);
    if (rc == 0) {
        rc = give(task, code, questions, &status, err);
        crq_value_free(questions);
    } else {
        crq_task_log(task, "no questions: %s", why.text);
        rc = trivia_run(task, lua_fail, code, "", why.text, &status, err);
    }
    if (rc < 0) {
        crq_value_free(status);
        return rc;
    }
    return crq_task_return(task, status);
}

/* trivia.fail_if_building(code) -> the room's status */
int trivia_fail_if_building(crq_task *task, crq_error *err)
{
    crq_value *status = NULL;
    const char *code;
    int rc = app_get_code(task, "room", &code, err);

    if (rc == 0)
        rc = trivia_run(task, lua_fail, code, "",
                "Its questions did not come in time.", &status, err);
    return rc < 0 ? rc : crq_task_return(task, status);
}
