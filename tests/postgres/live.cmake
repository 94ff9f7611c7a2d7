# Tests that need no server, and those that start one.
salvor_test(salvor_test_postgres_live unit
  instance_files_test.cpp instance_registry_test.cpp programs_test.cpp recovery_settings_test.cpp tar_reader_test.cpp)
target_link_libraries(salvor_test_postgres_live PRIVATE salvor_test_support)
salvor_test(salvor_test_postgres_servers integration
  backup_session_test.cpp base_backup_test.cpp connection_test.cpp fence_test.cpp
  instance_test.cpp)
target_link_libraries(salvor_test_postgres_servers PRIVATE salvor_test_support)
