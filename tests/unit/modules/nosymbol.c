/* nosymbol.c - a shared object that is no task module. */
extern const int crq_modul;
const int crq_modul = 1;
