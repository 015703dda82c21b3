/* Forget one expansion of a schema table, ready for the next. */
#undef RECORD
#undef MSG
#undef FIELD
#undef BYTES
#undef INLINE
#undef LIST
#undef END
